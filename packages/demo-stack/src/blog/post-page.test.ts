import { describe, expect, it } from 'vitest'
import { backendForTest } from '../../test/backend-fixture.ts'
import { call } from '../../test/call.ts'
import { renderPost } from './post-page.ts'

describe('the post page', () => {
  it('shows the article to everyone, with HTML and links as plain text', async () => {
    const backend = await backendForTest({ seed: false })
    const markdown =
      '# <script>alert(1)</script>\n\n<img src=x onerror=alert(1)> & "quotes"\n\n[x](javascript:alert(1))'
    const body = { slug: 'a', title: '</title><script>alert(2)</script>', markdown }
    await call(backend.blog, 'POST /articles', { body })
    const page = await fetch(`${backend.url}/posts/a`)
    const html = await page.text()
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;')
    expect(html).not.toMatch(/<(script|img|a)\b/)
  })

  it('renders headings, lists and paragraphs, and leaves out front matter', () => {
    const html = renderPost('T', '---\ntitle: T\n---\n\n# T\n\nOne\r\ntwo\n\n## Sub\n\n- a\n- b\n\n---\n')
    expect(html.slice(html.indexOf('<h1>'), html.indexOf('</article>'))).toBe(
      '<h1>T</h1>\n<p>One\ntwo</p>\n<h3>Sub</h3>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>---</p>\n',
    )
  })
})
