import { isStorableText } from '../kernel/text.js';

/** What others see of somebody who has no name, or is no longer here. */
export const nobodysName = 'Anonymous';

/** What others see of somebody who takes part: the most personal name that their token carries. */
export function displayNameOf(claims: NameClaims): string {
  const candidates = [claims.givenName, claims.name?.trim().split(/\s+/)[0], claims.preferredUsername, claims.nickname];
  return candidates.map((name) => name?.trim()).find(isShowable) ?? nobodysName;
}

interface NameClaims {
  readonly givenName?: string | undefined;
  readonly name?: string | undefined;
  readonly preferredUsername?: string | undefined;
  readonly nickname?: string | undefined;
}

function isShowable(name: string | undefined): name is string {
  return name !== undefined && name.length > 0 && isStorableText(name);
}
