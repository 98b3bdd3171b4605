/** Many connections, large bodies both ways, readers that do not read: throughput, memory, and stalls of the loop. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { compare, installed, rateRatio, type Plan, type Shape } from './blocks.ts'
import { aim, aimBelow, of, type Results } from './report.ts'

const LEAST_OF_HAPROXY = 0.7
const MOST_STALL_MS = 20
/** What docs/gateway-data-plane.md promises of one connection. */
const MOST_KIB = 256

interface Size extends Shape {
  readonly title: string
  /** Throughput is judged against haproxy. */
  readonly large?: true
}

function shapes (folder: string): readonly Size[] {
  return [
    { title: '512 connections', path: '/', connections: 512 },
    { title: '2,000 connections', path: '/', connections: 2_000 },
    { title: 'GET 100 kB', path: '/100k', connections: 64, large: true },
    { title: 'GET 1 MB', path: '/1m', connections: 64, large: true },
    { title: 'POST 100 kB', path: '/post', connections: 64, script: posting(folder, 100_000), large: true },
    { title: 'POST 1 MB', path: '/post', connections: 64, script: posting(folder, 1_000_000), large: true }
  ]
}

/** A wrk script. */
function posting (folder: string, bytes: number): string {
  const file = path.join(folder, `post-${bytes}.lua`)
  writeFileSync(file, `wrk.method = 'POST'\nwrk.body = string.rep('a', ${bytes})\n`)
  return file
}

export async function sizes (plan: Plan): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-wrk-'))
  const all = new Map<string, Results>()
  for (const { title, large, ...shape } of shapes(folder)) {
    const results = await compare(title, installed(), shape, plan, false)
    all.set(title, results)
    if (large) aim(`${title}: throughput against haproxy`, rateRatio(results, 'haproxy'), LEAST_OF_HAPROXY)
    aimBelow(`${title}: longest stall of the event loop in a round`, ours(results, 'stallMs'), MOST_STALL_MS, 'ms')
  }
  const grownBytes = ours(all.get('2,000 connections'), 'rssBytes') - ours(all.get('512 connections'), 'rssBytes')
  aimBelow('memory of each connection between 512 and 2,000', grownBytes / 1_488 / 1_024, MOST_KIB, 'KiB')
  rmSync(folder, { recursive: true, force: true })
}

function ours (results: Results | undefined, field: 'stallMs' | 'rssBytes'): number {
  return of(results?.get('breakwater'), field)
}

export async function slowReaders (): Promise<void> {
  const script = path.join(import.meta.dirname, '..', 'slow-readers.ts')
  console.log('\n1,000 clients that ask for 1 MiB each and do not read it')
  const { heldKib, stallMs } = JSON.parse(execFileSync(process.execPath, [script, '--json'], { encoding: 'utf8' })) as
    { heldKib: number, stallMs: number }
  aimBelow('memory of each reader', heldKib, MOST_KIB, 'KiB')
  aimBelow('longest stall of the event loop', stallMs, MOST_STALL_MS, 'ms')
}
