// The page in open mode, and its content security policy.
// Input: `url` of the service, `elsewhere`: the address of another site.

import assert from 'node:assert/strict';
import { consoleError, inBrowser, takePicture } from './browser.mjs';

await inBrowser(async ({ page, input }) => {
  await page.goto(`${input.url}/`);
  await page.locator('#workspace').waitFor();
  assert.match(await page.locator('#open-mode').innerText(), /^Open mode/);
  assert.equal(await page.locator('#sign-in').isHidden(), true);
  await takePicture(page, input, 'page-open', 1200);

  const inlineScriptRuns = await page.evaluate(() => {
    const script = document.createElement('script');
    script.append('window.ran = true');
    document.body.append(script);
    return window.ran === true;
  });
  assert.equal(inlineScriptRuns, false);
  const markup = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>x</b>';
      return 'made';
    } catch {
      return 'refused';
    }
  });
  assert.equal(markup, 'refused', 'text becomes markup');

  // The other site lets pages of every site read its answers, so only the policy keeps this page from it.
  const read = (url) =>
    page.evaluate((url) => fetch(url).then((answer) => answer.text(), () => 'refused'), url);
  const blocked = `${input.elsewhere}from-the-service`;
  const complaint = consoleError(page, 'connect-src', blocked);
  assert.equal(await read(blocked), 'refused');
  await complaint;
  await page.goto(input.elsewhere);
  assert.equal(await read(`${input.elsewhere}from-itself`), 'reached', 'a page without the policy is blocked');
});
