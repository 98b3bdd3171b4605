/** What Spring Cloud Gateway answered when it was last asked. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcomes } from './asking.ts'

export const RECORD = join(import.meta.dirname, '../fixtures/spring-answers.json')

export async function recorded (): Promise<Outcomes> {
  return JSON.parse(await readFile(RECORD, 'utf8')) as Outcomes
}
