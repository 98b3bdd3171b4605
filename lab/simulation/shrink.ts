/** Makes a plan that has found something smaller, as long as it still finds it. */

/** Runs are quick, and not for nothing. */
const MAX_TRIES = 200

/** Leaves out more and more single steps (ddmin); `finds` says whether a plan still finds the same. */
export async function shrink<Step, Plan extends { readonly steps: readonly Step[] }> (
  plan: Plan, finds: (plan: Plan) => Promise<boolean>
): Promise<Plan> {
  let steps: readonly Step[] = plan.steps
  let tries = 0
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length && tries < MAX_TRIES;) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)]
      tries++
      if (await finds({ ...plan, steps: fewer })) steps = fewer
      else at += size
    }
  }
  return { ...plan, steps }
}
