/** The view that fits where the output goes. */
import { createJsonView } from './json-view.ts'
import { createPlainView } from './plain-view.ts'
import { createTableView } from './table-view.ts'
import type { View } from './view.ts'

export function createView (process: NodeJS.Process, title: string, json: boolean): View {
  const write = (text: string) => { process.stdout.write(text) }
  if (json) return createJsonView(write)
  if (!process.stdout.isTTY) return createPlainView(write)
  return createTableView({
    title,
    size: () => ({ columns: process.stdout.columns, rows: process.stdout.rows }),
    write,
    now: Date.now
  })
}
