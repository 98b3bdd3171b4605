/** The mutants themselves are tried by `npm run mutants`; here, that each of them still is one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'
import { ALL } from '../mutants/list/all.ts'
import { mutate, type Mutant } from '../mutants/mutant.ts'

const ROOT = join(import.meta.dirname, '../..')

t.test('a mutant changes one place, or says why it cannot', async t => {
  const mutant = { id: 'm', file: 'f', from: 'a < b', to: 'a <= b' } as Mutant
  t.equal(mutate('if (a < b)', mutant), 'if (a <= b)')
  t.throws(() => mutate('if (b > a)', mutant), /does not say/)
  t.throws(() => mutate('a < b, a < b', mutant), /more than once/)
})

t.test('the text of each mutant is in its file once, and who must see it is there', async t => {
  t.equal(new Set(ALL.map(({ id }) => id)).size, ALL.length, 'ids are unique')
  for (const mutant of ALL) {
    const text = readFileSync(join(ROOT, mutant.file), 'utf8')
    t.not(mutate(text, mutant), text, mutant.id)
    const files = mutant.seenBy.map(one => one.startsWith('node ') ? one.split(' ')[1]! : one)
    t.ok(files.length > 0 && files.every(file => existsSync(join(ROOT, file))), `${mutant.id} is looked for`)
  }
})
