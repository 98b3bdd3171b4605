/** After `npm pack` and `npm publish` of a package, in its folder: see `prepack.ts`. */
import { restore } from './restore.ts'

restore(process.cwd())
