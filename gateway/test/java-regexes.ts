/** Patterns at random, texts, and what Java makes of them (`test/spring/regex.spring.ts` asks it). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Recorded = readonly [pattern: string, text: string, answer: string]

export const REGEXES = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/java-regexes.json'), 'utf8')) as readonly Recorded[]
