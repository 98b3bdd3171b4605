/** All themes, in the order in which they are tried: what may stop a server comes last. */
import type { Theme } from '../attack.ts'
import { CACHE } from './cache.ts'
import { CERTIFICATES } from './certificates.ts'
import { FILES } from './files.ts'
import { FORWARDED } from './forwarded.ts'
import { FRAMING } from './framing.ts'
import { HANDSHAKES } from './handshakes.ts'
import { INSTANCES } from './instances.ts'
import { NAMES } from './names.ts'
import { PATTERNS } from './patterns.ts'
import { REGISTRATION } from './registration.ts'
import { ROLES } from './roles.ts'
import { SECRETS } from './secrets.ts'
import { SIZES } from './sizes.ts'
import { SLOW } from './slow.ts'
import { TARGETS } from './targets.ts'

export const CORPUS: readonly Theme[] = [
  REGISTRATION, NAMES, ROLES, FILES, TARGETS, FRAMING, FORWARDED, CACHE, CERTIFICATES, HANDSHAKES, INSTANCES, SIZES,
  PATTERNS, SLOW, SECRETS
]
