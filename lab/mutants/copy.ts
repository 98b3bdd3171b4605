/**
 * A copy of the checkout to be spoilt. Installed packages are shared with the original; the product's own packages are
 * linked to the copy, or its tests would try the original.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const OURS = '@breakwater'

/** Returns the copy's folder. What is not committed is in it, too. */
export function copyCheckout (root: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'breakwater-mutants-'))
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  const files = listed.split('\0').filter(file => file !== '' && existsSync(join(root, file)))
  for (const file of files) cpSync(join(root, file), join(copy, file))
  const packages = new Set(files.filter(file => file.endsWith('package.json')).map(file => dirname(file)))
  for (const folder of packages) linkModules(join(root, folder, 'node_modules'), join(copy, folder, 'node_modules'))
  return copy
}

export function removeCopy (copy: string): void {
  rmSync(copy, { recursive: true, force: true })
}

function linkModules (from: string, to: string): void {
  if (!existsSync(from)) return
  mkdirSync(to)
  for (const name of readdirSync(from)) {
    if (name !== OURS) symlinkSync(join(from, name), join(to, name))
  }
  if (!existsSync(join(from, OURS))) return
  mkdirSync(join(to, OURS))
  // They are links into the checkout themselves, and relative: the same text leads into the copy.
  for (const name of readdirSync(join(from, OURS))) {
    symlinkSync(readlinkSync(join(from, OURS, name)), join(to, OURS, name))
  }
}
