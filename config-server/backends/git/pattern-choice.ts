/**
 * Which repositories a question goes to, in their order, as Spring's server chooses (measured over a table of patterns
 * and questions on config-server 5.0.1).
 */
import type { Ask } from '../../environment/ask.ts'
import { matchesWildcard } from '../wildcard.ts'
import type { GitOptions, PatternRepository, RepositoryOptions } from './git-options.ts'

/** All that fit, the first of the settings first; one that fails gives way to the next, the default one is the last. */
export function repositoriesOf (options: GitOptions, ask: Ask): RepositoryOptions[] {
  const chosen = options.repos.filter(one => matches(one, ask)).flatMap(one => filledIn(one, ask))
  return [...chosen, { ...options, uri: fillUri(options, ask, ask.profiles.at(-1) ?? '') }]
}

/**
 * The text `applications/profile` has to fit for one of the profiles, with the applications as they were written. A
 * repository that is not named by a placeholder looks once more, at the profiles as they were written.
 */
export function matches ({ patterns, uri }: PatternRepository, ask: Ask): boolean {
  const all = expandPatterns(patterns)
  const fits = (profile: string): boolean => all.some(pattern => matchesWildcard(pattern, `${ask.name}/${profile}`))
  return ask.profile.split(',').some(fits) && (uri.includes('{') || fits(ask.profile))
}

// A pattern without a profile means all of them too; one that does not end in `*` also starts a list.
function expandPatterns (patterns: readonly string[]): string[] {
  return patterns.flatMap(pattern => [
    pattern,
    ...(pattern.includes('/') ? [] : [`${pattern}/*`]),
    ...(pattern.endsWith('*') ? [] : [`${pattern},*`])
  ])
}

// With a placeholder each profile may name a repository; the last one is tried first.
function filledIn (repository: PatternRepository, ask: Ask): RepositoryOptions[] {
  if (!repository.uri.includes('{')) return [repository]
  const uris = ask.profiles.toReversed().map(profile => fillUri(repository, ask, profile))
  return [...new Set(uris)].map(uri => ({ ...repository, uri }))
}

// The values are checked before; none of them can leave its part of the path or change the host.
function fillUri ({ uri, defaultLabel }: RepositoryOptions, ask: Ask, profile: string): string {
  if (!uri.includes('{')) return uri
  return uri.replaceAll('{application}', ask.names.at(-1) ?? '').replaceAll('{profile}', profile)
    .replaceAll('{label}', ask.labels.at(-1) ?? defaultLabel)
}
