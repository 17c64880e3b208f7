// @boundaries-ignore The one build recipe of everything that ships stands at the root.
export { oneFile as default } from '../../tsup.base.ts'
