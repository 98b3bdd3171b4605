/**
 * `npm publish` in a package's folder would tell the registry what the checkout's package.json says, and send what
 * `prepack.ts` has made: what is published is packed first.
 */
process.stderr.write('E_PUBLISH_FOLDER only tarballs are published. Run "npm run release", or npm pack and npm publish FILE.\n')
process.exitCode = 1
