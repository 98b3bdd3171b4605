'use strict'
// Plain CommonJS on purpose: it must still run, and say what is wrong, on a Node too old for the rest.
// An install with --ignore-scripts has no bundled Node, and npm scripts then fall back to the machine's own.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`E_NODE_VERSION need Node >= 22.19 (node:sqlite, type stripping), this is ${process.versions.node}. ` +
    'Run "npm ci" without --ignore-scripts (it brings Node 26), or install Node 26.')
  process.exit(2)
}
