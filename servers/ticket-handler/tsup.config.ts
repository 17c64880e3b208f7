export { oneFile as default } from '../../tsup.base.ts'
