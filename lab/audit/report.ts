/** What the audit says: progress while it runs, then a line per theme, each fault whole, and the sum. */
import type { Outcome } from './run.ts'

const SHOWN_BYTES = 300

export function faultLine ({ theme, attack, where, faults }: Outcome): string {
  return `FAULT ${theme}: ${attack.name} (${where}, ${attack.door}; ${attack.source})\n` +
    faults.map(fault => `      ${fault}\n`).join('') + `      sent ${JSON.stringify(attack.bytes.slice(0, SHOWN_BYTES))}`
}

export function themeLines (outcomes: readonly Outcome[]): string[] {
  return [...Map.groupBy(outcomes, ({ theme }) => theme)].map(([theme, some]) => {
    const count = (kind: Outcome['kind']): number => some.filter(one => one.kind === kind).length
    const run = some.length - count('skipped')
    return `${theme.padEnd(16)} ${String(run).padStart(4)} tried, ${count('fault')} faults`
  })
}

export function sumLine (outcomes: readonly Outcome[]): string {
  const run = outcomes.filter(({ kind }) => kind !== 'skipped')
  const inputs = new Set(run.map(({ theme, attack }) => `${theme}/${attack.name}`)).size
  return `${inputs} inputs, ${run.length} tried, ${run.filter(({ kind }) => kind === 'fault').length} faults`
}

/** For machines: skipped ones too, with the reason. */
export function asJson (outcomes: readonly Outcome[]): string {
  return JSON.stringify(outcomes.map(({ theme, attack: { name, source, door, bytes }, where, kind, faults }) =>
    ({ theme, name, source, door, where, kind, faults, sent: bytes.slice(0, SHOWN_BYTES) })), undefined, 1)
}
