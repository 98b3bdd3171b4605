/** Writes every Dockerfile from the pattern. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEPLOYABLES } from './deployables.ts'
import { dockerfileOf } from './pattern.ts'

for (const deployable of DEPLOYABLES) {
  writeFileSync(join(import.meta.dirname, `${deployable.name}.Dockerfile`), dockerfileOf(deployable))
}
