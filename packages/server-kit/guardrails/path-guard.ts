export * from '@narrow-deputies/guardrails/path-guard'
