/** An XML element with what the tests check. */
export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Element[]
}

const NAME = /[A-Za-z_][\w.-]*/y
const TEXT = /(?:[^<&]|&(?:amp|lt|gt|quot|apos);)*/y
const ATTRIBUTE = /\s+([A-Za-z_][\w.-]*)="((?:[^<&"]|&(?:amp|lt|gt|quot|apos);)*)"/y

/** Parses XML that consists of elements, attributes and text. @throws if it is not well-formed */
export function parseXml(text: string): Element {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (!match) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 40)}`)
    at += match[0].length
    return match
  }
  const element = (): Element => {
    take(/</y)
    const [name] = take(NAME)
    const attributes: Record<string, string> = {}
    while (/\s/.test(text[at] ?? '')) {
      const [, key = '', value = ''] = take(ATTRIBUTE)
      if (key in attributes) throw new Error(`${key} twice`)
      attributes[key] = value
    }
    const children: Element[] = []
    if (text.startsWith('/>', at)) {
      at += 2
      return { name, attributes, children }
    }
    take(/>/y)
    take(TEXT)
    while (!text.startsWith('</', at)) {
      children.push(element())
      take(TEXT)
    }
    take(new RegExp(`</${name}>`, 'y'))
    return { name, attributes, children }
  }
  take(/<\?xml version="1.0" encoding="UTF-8"\?>\n/y)
  const root = element()
  take(/\s*$/y)
  return root
}
