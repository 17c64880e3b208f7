import { authoriseWrites } from '#backend/writes'
import { start } from '#setup'
import { confirmWrites } from '#setup/writes'
import manifest from '../package.json' with { type: 'json' }
import { REST_ENDPOINTS, REST_SCOPES, restBlog } from './backends/rest.ts'
import { sshDeployer } from './backends/ssh.ts'
import { apiKey, type Config, deployOf, settings } from './config.ts'
import { toolsFor } from './tools/index.ts'

await start({
  name: 'blog-publisher',
  version: manifest.version,
  purpose: 'publishes drafts that people wrote to a blog',
  settings,
  credential: apiKey,
  scopes: REST_SCOPES,
  writes: confirmWrites<Config>(({ confirm }) => confirm === 'required'),
  connect(config, credential) {
    const { apiUrl, apiTimeoutMs, drafts } = config
    const blog = restBlog(credential.connect(authoriseWrites, apiUrl, REST_ENDPOINTS), apiTimeoutMs)
    const deploy = deployOf(config)
    const ports = { drafts, blog, ...(deploy && { deployer: sshDeployer(deploy, deploy.timeoutMs) }) }
    return { ports, tools: toolsFor(ports), whoami: blog.whoami }
  },
})
