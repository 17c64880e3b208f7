import type { FastifyInstance } from 'fastify'
import type { Articles } from './articles.ts'

/** The public page of an article, at `GET /posts/:slug`. */
export async function postPage(app: FastifyInstance, { articles }: { articles: Articles }): Promise<void> {
  app.get<{ Params: { slug: string } }>('/posts/:slug', async (request, reply) => {
    const { title, markdown } = articles.get(request.params.slug)
    return reply
      .type('text/html; charset=utf-8')
      .header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'")
      .header('X-Content-Type-Options', 'nosniff')
      .send(renderPost(title, markdown))
  })
}

/** Renders headings, lists and paragraphs. Everything else, such as HTML and links, is shown as plain text. */
export function renderPost(title: string, markdown: string): string {
  const blocks = markdown
    .replace(/\r\n?/g, '\n')
    .replace(/^---\n(?:.*\n)*?---(?:\n|$)/, '')
    .split(/\n{2,}/)
    .map(block => block.trim())
    .filter(block => block !== '' && block !== `# ${title}`)
  return `<!doctype html>
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<style>body { font: 1.1rem/1.6 serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<article dir="auto">
<h1>${escapeHtml(title)}</h1>
${blocks.map(renderBlock).join('\n')}
</article>
`
}

function renderBlock(block: string): string {
  const heading = /^(#{1,5}) +(.+)$/.exec(block)
  if (heading?.[1] !== undefined && heading[2] !== undefined) {
    // One level lower, because the title is the first-level heading of the page.
    const level = heading[1].length + 1
    return `<h${level}>${escapeHtml(heading[2])}</h${level}>`
  }
  const lines = block.split('\n')
  if (lines.every(line => /^[-*] /.test(line))) {
    return `<ul>\n${lines.map(line => `<li>${escapeHtml(line.slice(2))}</li>`).join('\n')}\n</ul>`
  }
  return `<p>${escapeHtml(block)}</p>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
