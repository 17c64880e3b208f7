import { readGeneratedKey } from '../../src/setup/generated-key.ts'

/** A program that reads the key in a file at a given time: `key-reader.ts FILE MILLISECONDS`. */
const [, , file = '', time = '0'] = process.argv

// Several of these programs wait for one moment, so that none is done before another begins.
while (Date.now() < Number(time));
process.stdout.write(readGeneratedKey(file))
