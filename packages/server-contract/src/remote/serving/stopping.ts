import type { RemoteWorld } from '../remote-world.ts'
export function describeStopping(_world: RemoteWorld): void {}
