import type { RemoteWorld } from '../remote-world.ts'
export function describeHealth(_world: RemoteWorld): void {}
