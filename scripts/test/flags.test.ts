import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const PROGRAMS = globSync('{lab,bench,gateway/test/fuzzing}/**/*.ts', { cwd: ROOT })
  .filter(file => readFileSync(join(ROOT, file), 'utf8').includes('readFlags(import.meta.filename'))

t.test('each program tells how it is used, and runs nothing for a flag that it does not know', async t => {
  t.ok(PROGRAMS.length > 15)
  for (const file of PROGRAMS) t.match(readFileSync(join(ROOT, file), 'utf8'), /^\/\*\*.*--\w+/s, file)
  const run = (flag: string) => spawnSync(process.execPath, [join(ROOT, 'lab/mutants/main.ts'), flag], { encoding: 'utf8' })
  const help = run('--help')
  t.match(help, { status: 0, stdout: /^`npm run mutants -- .*--seed N/ })
  t.match(run('--sed'), { status: 2, stdout: '', stderr: `Unknown option '--sed'` })
  t.match(run('--sample=x'), { status: 2, stderr: 'a whole number is needed' })
})
