import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How many bytes of buffers something still refers to. */
export async function bytesInBuffers(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  // Some of what is free is freed later.
  for (let round = 0; round < 10; round += 1) {
    collectGarbage()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().arrayBuffers
}
