/** What pages point at is there. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { t } from 'tap'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGES = globSync('{*.md,docs/*.md,*/README.md,sample-services/*/README.md}', { cwd: ROOT, exclude: ['**/node_modules/**'] })
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')

/** As GitHub makes them of headings. */
function anchorsOf (text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) => heading)
  return new Set(headings.map(heading => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')))
}

t.test('links lead to files and headings that are there', async t => {
  t.ok(PAGES.length > 20)
  for (const page of PAGES) {
    const text = read(page).replaceAll(/```[^]*?```/g, '')
    for (const [link, path = '', anchor] of text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(ROOT, file))) t.fail(`${page}: ${link}`)
      else if (anchor !== undefined && !anchorsOf(read(file)).has(anchor)) t.fail(`${page}: ${link}, no such heading`)
    }
  }
})

t.test('tests that pages name exist', async t => {
  const files = globSync('{*,sample-services/*,scripts/*}/test/**/*.test.ts', { cwd: ROOT, exclude: ['**/node_modules/**'] })
  const tests = new Set(files.map(file => basename(file)))
  t.ok(tests.size > 200)
  for (const page of PAGES) {
    // What stands in an example is the reader's.
    for (const [, name = ''] of read(page).replaceAll(/```[^]*?```/g, '').matchAll(/([\w*.-]+\.test\.ts)/g)) {
      const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      if (![...tests].some(test => pattern.test(test))) t.fail(`${page} names ${name}`)
    }
  }
})
