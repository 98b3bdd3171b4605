/**
 * Before `npm pack` and `npm publish` of a package, in its folder: builds it, and puts the package.json that travels in
 * the place of the checkout's, which `postpack.ts` brings back. npm takes what it packs from the folder itself.
 */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from './build.ts'
import { publishedManifest, type Manifest } from './manifest.ts'
import { ROOT, withDependencies, type PackageFolder } from './packages.ts'
import { KEPT, restore } from './restore.ts'

// A pack that was killed has left the other one here.
restore(process.cwd())
const folder = basename(process.cwd()) as PackageFolder
for (const one of withDependencies(folder)) build(one)
if (!existsSync('LICENSE')) copyFileSync(join(ROOT, 'LICENSE'), 'LICENSE')
copyFileSync('package.json', KEPT)
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
writeFileSync('package.json', `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`)
