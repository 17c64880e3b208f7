import { existsSync } from 'node:fs'
import { type Person, ScriptedBrowser } from '@narrow-deputies/demo-stack'
import { chromium } from 'playwright-core'

/** Somebody who signs in and allows what is asked for. */
export interface PersonAtBrowser {
  /** Opens an authorization URL, and ends where the identity provider sends them: at the client's own address. */
  allow(authorizationUrl: URL): Promise<void>
  close(): Promise<void>
}

/** Debian's; nothing is downloaded. */
export const CHROMIUM = '/usr/bin/chromium'
export const hasChromium: boolean = existsSync(CHROMIUM)

/** A real browser: it runs what a page would run, keeps its cookies, and obeys the page's own security policy. */
export async function atChromium({ username, password }: Person): Promise<PersonAtBrowser> {
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

/** The same forms, filled in over plain HTTP. */
export async function atScript(person: Person): Promise<PersonAtBrowser> {
  const browser = new ScriptedBrowser()
  return {
    async allow(url) {
      await fetch(await browser.signIn(url, person, 'allow'))
    },
    close: async () => {},
  }
}
