/** The files that other tools read name what is there. Neither tool is run here. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { ROOT } from '../docker/deployables.ts'
import { objectsOf, skip, workloads } from './rendered.ts'

function read (path: string): unknown {
  return parse(readFileSync(join(ROOT, 'deploy', path), 'utf8'))
}

t.test('skaffold builds every image of ours that its overlay names', { skip }, async (t) => {
  const { build, manifests } = read('skaffold.yaml') as {
    build: { artifacts: Array<{ image: string, context: string, docker: { dockerfile: string } }> }
    manifests: { kustomize: { paths: string[] } }
  }
  const [overlay = ''] = manifests.kustomize.paths
  const named = workloads(objectsOf(overlay.replace('kubernetes/', '')))
    .flatMap(({ spec }) => spec.containers.map(({ image }) => image.split(':')[0] ?? ''))
  t.same(build.artifacts.map(({ image }) => image).toSorted(), named.filter((image) => image.startsWith('breakwater/')).toSorted())
  for (const { image, context, docker } of build.artifacts) {
    t.ok(existsSync(join(ROOT, 'deploy', context, docker.dockerfile)), image)
  }
})

t.test('the Application of Argo CD names an overlay, and the namespace that it makes', { skip }, async (t) => {
  const { spec } = read('argocd/application.yaml') as { spec: { source: { path: string }, destination: { namespace: string } } }
  const objects = objectsOf(spec.source.path.replace('deploy/kubernetes/', ''))
  t.ok(objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === spec.destination.namespace))
  for (const one of objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
    const scaled = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === one.metadata.name)
    t.notMatch(scaled?.['spec'], { replicas: Number }, 'self-healing does not fight the autoscaler')
  }
})
