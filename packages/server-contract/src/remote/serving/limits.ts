import type { RemoteWorld } from '../remote-world.ts'
export function describeLimits(_world: RemoteWorld): void {}
