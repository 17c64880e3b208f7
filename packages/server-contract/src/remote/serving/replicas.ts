import type { RemoteWorld } from '../remote-world.ts'
export function describeReplicas(_world: RemoteWorld): void {}
