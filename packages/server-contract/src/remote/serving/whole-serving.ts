import type { RemoteWorld } from '../remote-world.ts'
export function describeWholeServing(_world: RemoteWorld): void {}
