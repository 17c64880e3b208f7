export * from '@narrow-deputies/guardrails/audit'
