/** Writes the chart's templates and files from what kustomize renders. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findRenderer, render } from '../render.ts'
import { chartFiles } from './chart.ts'

const renderer = findRenderer(process.env)
if (typeof renderer === 'string') throw new Error(renderer)
const chart = join(import.meta.dirname, 'breakwater')
rmSync(join(chart, 'files'), { recursive: true, force: true })
for (const name of readdirSync(join(chart, 'templates')).filter((one) => one !== 'NOTES.txt')) rmSync(join(chart, 'templates', name))
for (const [path, text] of chartFiles(render(renderer, 'overlays/minikube'), render(renderer, 'overlays/observed'))) {
  mkdirSync(dirname(join(chart, path)), { recursive: true })
  writeFileSync(join(chart, path), text)
}
