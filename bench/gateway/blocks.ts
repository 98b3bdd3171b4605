/** The blocks of the measurement; each prints its table and its aims. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { interleave } from '../lib/rounds.ts'
import { breakwater, haproxy, nginxProxy, peers, startUpstream, type Launch } from './candidates.ts'
import { measure, type Load, type Round } from './load.ts'
import { isInstalled, type Program } from './processes.ts'
import { aim, aimBelow, of, table, type Results } from './report.ts'

export interface Plan {
  readonly rounds: number
  readonly seconds: number
}

export type Shape = Pick<Load, 'path' | 'connections'> & { readonly script?: string }

const SMALL: Shape = { path: '/', connections: 64 }
const WARM_UP_SECONDS = 2

/** Starts everybody, warms up, measures in turns, stops everybody. */
export async function compare (title: string, launches: ReadonlyMap<string, Launch>, shape: Shape, plan: Plan,
  both: boolean): Promise<Results> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-bench-'))
  const programs: Program[] = []
  try {
    const upstream = await startUpstream(folder, both ? '0,1' : '1')
    programs.push(upstream)
    const setting = { folder, upstreamPort: upstream.port, cores: both ? '0,1' : '0', workers: both ? 2 : 1 }
    const load = { ...shape, threads: 1, seconds: plan.seconds, cores: both ? '0,1' : '1' }
    const measures = new Map<string, () => Promise<Round>>()
    for (const [name, launch] of launches) {
      const program = await launch(setting)
      programs.push(program)
      await measure(program, { ...load, port: program.port, seconds: WARM_UP_SECONDS })
      measures.set(name, () => measure(program, { ...load, port: program.port }))
    }
    const results = await interleave(measures, { rounds: plan.rounds, onRound: (name, round, steal, repeated) => {
      console.log(`  ${title}: round ${round} ${name}, steal ${(steal * 100).toFixed(1)} %${repeated ? ', repeated' : ''}`)
    } })
    table(title, results)
    return results
  } finally {
    for (const program of programs.toReversed()) await program.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** How much less CPU ours takes than theirs. */
function cpuRatio (results: Results, peer: string): number {
  return of(results.get(peer), 'cpuMicros') / of(results.get('breakwater'), 'cpuMicros')
}

export function rateRatio (results: Results, peer: string): number {
  return of(results.get('breakwater'), 'perSecond') / of(results.get(peer), 'perSecond')
}

export async function oneCore (plan: Plan): Promise<void> {
  const results = await compare('One core for the gateway, GET of 120 bytes, 64 connections, all extras on', peers(), SMALL, plan, false)
  aim('requests per CPU-second against haproxy', cpuRatio(results, 'haproxy'), 0.75)
  aim('requests per CPU-second against nginx', cpuRatio(results, 'nginx'), 0.6)
  for (const peer of ['@fastify/http-proxy', 'http-proxy 1.18']) {
    aim(`requests per CPU-second against ${peer} with the same on`, cpuRatio(results, peer), 6)
    console.log(`          against it bare, without what ours has on: ${cpuRatio(results, `${peer}, bare`).toFixed(2)}x`)
  }
}

export async function bothCores (plan: Plan): Promise<void> {
  const results = await compare('Two workers, both cores for everything', installed(), SMALL, plan, true)
  aim('throughput against nginx with two workers', rateRatio(results, 'nginx'), 0.75)
}

/** Those that are no Node gateways. */
export function installed (): Map<string, Launch> {
  return new Map<string, Launch>([
    ['breakwater', breakwater()],
    ...(isInstalled('nginx') ? [['nginx', nginxProxy] as const] : []),
    ...(isInstalled('haproxy') ? [['haproxy', haproxy] as const] : [])
  ])
}

const EXTRAS: ReadonlyArray<readonly [name: string, most: number]> = [
  ['breaker', 2], ['retry', 2], ['metrics', 2], ['ids', 2], ['routes', 2], ['log', 3]
]

/** What each extra costs: everything on, against everything but one. */
export async function extras (plan: Plan): Promise<void> {
  const launches = new Map<string, Launch>([
    ['all', breakwater()],
    ...EXTRAS.map(([name]) => [`without ${name}`, breakwater(name)] as const),
    ['none', breakwater(EXTRAS.map(([name]) => name).join(','))]
  ])
  const results = await compare('The cost of each extra', launches, SMALL, plan, false)
  const all = of(results.get('all'), 'cpuMicros')
  for (const [name, most] of EXTRAS) aimBelow(name, all - of(results.get(`without ${name}`), 'cpuMicros'), most, 'us')
  console.log(`  all of them together: ${(all - of(results.get('none'), 'cpuMicros')).toFixed(2)} us`)
}
