/**
 * `npm run test:spring`: builds the Java projects below every `test/spring` (Spring Boot services, Spring's own
 * servers, Netflix's client), then runs the tests that need them (`*.spring.ts`). Apart from `npm test`, because it
 * takes a JDK, Maven and minutes. `npm run test:spring -- discovery` does it for one package.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const packages = process.argv[2] ?? '*'
/** Whose Java programs a package's tests start beside its own. */
const BORROWED: Readonly<Record<string, string>> = { lab: '{lab,config-server}' }

for (const tool of ['java', 'mvn']) {
  if (spawnSync(tool, ['-version'], { stdio: 'ignore' }).status === 0) continue
  process.stderr.write(`E_SPRING_TOOLS ${tool} is not installed. On Debian: apt-get install default-jdk-headless maven\n`)
  process.exit(1)
}

for (const pom of globSync(`${BORROWED[packages] ?? packages}/test/spring/{,*/}pom.xml`, { cwd: root })) {
  const folder = join(root, dirname(pom))
  process.stdout.write(`building ${dirname(pom)}\n`)
  const built = spawnSync('mvn', ['--quiet', '--batch-mode', 'package'], { cwd: folder, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
}

const files = globSync(`${packages}/test/spring/*.spring.ts`, { cwd: root })
const tests = spawnSync('tap', ['run', '--jobs=1', '--timeout=900', ...files], { cwd: root, stdio: 'inherit' })
process.exit(tests.status ?? 1)
