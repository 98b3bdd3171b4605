/** Tells of changed files, one call for what changes at once. */
import { statSync, watch, type FSWatcher } from 'node:fs'
import { basename, join } from 'node:path'

/** An editor writes several files, or one in several steps. */
const QUIET_MS = 200
/** What programs write themselves: they would start anew for ever. */
const IGNORED = /(?:^|\/)(?:node_modules|\.git|\.cache|coverage|data|__pycache__)(?:\/|$)|\.(?:log|swp|tmp|pid)$|~$/

/** Calls with the name of a file that changed; returns the end of it. */
export function watchPaths (paths: readonly string[], changed: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const watchers = paths.flatMap(path => watchOne(path, file => {
    if (IGNORED.test(file)) return
    clearTimeout(timer)
    timer = setTimeout(changed, QUIET_MS, file)
  }))
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** A file is watched by its folder: what replaces it, as editors do, is another file. */
function watchOne (path: string, changed: (file: string) => void): FSWatcher[] {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  const name = basename(path)
  const watcher = watch(isFolder ? path : join(path, '..'), { recursive: isFolder }, (_event, file) => {
    if (file === null || (!isFolder && file !== name)) return
    changed(file)
  })
  watcher.on('error', () => {})
  return [watcher]
}
