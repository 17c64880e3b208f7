declare const isConnector: unique symbol

/**
 * Connects an adapter to the backend, given the credential. Only this room makes connectors, so that nothing else is ever
 * given a credential: any other function has not the mark, and does not compile in a connector's place.
 *
 * @param token the credential
 * @param base where the backend's API begins
 * @param endpoints the closed list of `METHOD /path/{template}` that may ever be sent
 */
export interface Connector<Endpoint extends string, Fetch> {
  (token: string, base: URL, endpoints: readonly Endpoint[]): Fetch
  readonly [isConnector]: true
}

export function connector<Endpoint extends string, Fetch>(
  connect: (token: string, base: URL, endpoints: readonly Endpoint[]) => Fetch,
): Connector<Endpoint, Fetch> {
  return connect as Connector<Endpoint, Fetch>
}
