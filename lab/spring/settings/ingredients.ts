/** All that cases are mixed of. Each writes below a name of its own and asks about what it wrote. */
import { files } from './ingredients/files.ts'
import { names } from './ingredients/names.ts'
import { placeholders } from './ingredients/placeholders.ts'
import { profiles } from './ingredients/profiles.ts'
import { values } from './ingredients/values.ts'
import type { Draft } from './draft.ts'

export type Ingredient = (draft: Draft, name: string) => void

export const INGREDIENTS: readonly Ingredient[] = [...values, ...names, ...placeholders, ...profiles, ...files]
