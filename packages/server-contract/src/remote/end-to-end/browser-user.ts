import { existsSync } from 'node:fs'
import { type Person, ScriptedBrowser } from '@narrow-deputies/demo-stack'
import { chromium } from 'playwright-core'

/** A person with a browser who signs in and allows access. */
export interface BrowserUser {
  /** Opens an authorization URL, signs in, allows access, and follows the redirect to the client. */
  allow(authorizationUrl: URL): Promise<void>
  close(): Promise<void>
}

/** The path of Debian's package. The tests download no browser. */
export const CHROMIUM = '/usr/bin/chromium'
export const hasChromium: boolean = existsSync(CHROMIUM)

/** A browser that runs scripts and enforces cookies and the Content-Security-Policy. */
export async function openChromium({ username, password }: Person): Promise<BrowserUser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  const page = await browser.newPage()
  return {
    async allow(url) {
      await page.goto(url.href)
      const userField = page.getByLabel('Username')
      if (await userField.isVisible()) {
        await userField.fill(username)
        await page.getByLabel('Password').fill(password)
        await page.getByRole('button', { name: 'Sign in' }).click()
      }
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.getByText('You can go back').waitFor()
    },
    close: () => browser.close(),
  }
}

/** Submits the same forms over HTTP, without a browser. */
export async function openScripted(person: Person): Promise<BrowserUser> {
  const browser = new ScriptedBrowser()
  return {
    async allow(url) {
      await fetch(await browser.signIn(url, person, 'allow'))
    },
    close: async () => {},
  }
}
