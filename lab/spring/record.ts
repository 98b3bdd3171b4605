/**
 * `node lab/spring/record.ts settings` or `config`: asks Spring the cases of the first seeds and keeps its answers for
 * `npm test`; after each change of a generator. Takes a JDK and Maven: `npm run test:spring -- lab` and
 * `npm run test:spring -- config-server` build what is asked.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigAnswer } from './config/case.ts'
import { configCase } from './config/generator.ts'
import { askAll, lay } from './config/ours.ts'
import { startSpringServer } from './config/spring.ts'
import { digestOf, writeRecording } from './recording.ts'
import { askIn } from './settings/asker.ts'
import type { Answers } from './settings/case.ts'
import { settingsCase } from './settings/generator.ts'
import { startSpringAsker } from './settings/spring.ts'

const SETTINGS_CASES = 2200
/** Each has twenty questions. */
const CONFIG_CASES = 160

const firstSeeds = <T>(count: number, make: (seed: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at + 1))

async function recordSettings (folder: string): Promise<void> {
  const spring = startSpringAsker()
  const cases = firstSeeds(SETTINGS_CASES, settingsCase)
  const answers: Answers[] = []
  for (const asked of cases) answers.push(await askIn(join(folder, 'case'), asked, spring.ask))
  spring.stop()
  writeRecording('settings', { cases: digestOf(cases), answers })
}

async function recordConfig (folder: string): Promise<void> {
  const undo: (() => unknown)[] = []
  const { url } = await startSpringServer(folder, stop => undo.push(stop))
  const cases = firstSeeds(CONFIG_CASES, configCase)
  const answers: ConfigAnswer[][] = []
  for (const asked of cases) {
    lay(folder, asked)
    answers.push(await askAll(url, folder, asked))
  }
  for (const stop of undo) await stop()
  writeRecording('config', { cases: digestOf(cases), answers })
}

type RecordIn = (folder: string) => Promise<void>

const RECORDS: Readonly<Record<string, RecordIn>> = { settings: recordSettings, config: recordConfig }

const record = RECORDS[process.argv[2] ?? '']
if (record === undefined) {
  process.stderr.write(`E_USAGE Say what to record: ${Object.keys(RECORDS).join(' or ')}.\n`)
  process.exit(2)
}
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'record-')))
await record(folder)
rmSync(folder, { recursive: true, force: true })
