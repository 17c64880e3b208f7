// @boundaries-ignore The one build recipe of all servers stands at the root.
export { oneFile as default } from '../../tsup.base.ts'
