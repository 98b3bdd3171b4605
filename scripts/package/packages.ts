/** The packages that are published, and which of them each one is built after. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest } from './manifest.ts'

export const ROOT = join(import.meta.dirname, '../..')

/** In the order in which they are built: each after those that it imports. */
export const PACKAGES = ['starter', 'messaging', 'discovery', 'config-server', 'gateway', 'scaffold', 'create-breakwater', 'cli'] as const

export type PackageFolder = typeof PACKAGES[number]

export function readManifest (folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest
}

/** Those that one needs, itself last, in the order in which they are built. */
export function withDependencies (folder: PackageFolder): PackageFolder[] {
  const names = new Set(Object.keys(readManifest(folder).dependencies ?? {}))
  return [...PACKAGES.filter(one => names.has(readManifest(one).name)), folder]
}
