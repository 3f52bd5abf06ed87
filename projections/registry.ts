import type { Projection } from '../src/platform/projecting/projection.js';
import { eventCounts } from './interactive-prompts/event-counts.js';
import { activeUsers } from './interactive-prompts/active-users.js';
import { eventSearch } from './interactive-prompts/event-search.js';
import { joinStatistics } from './interactive-prompts/join-statistics.js';
import { profilePictures } from './interactive-prompts/profile-pictures.js';
import { publicInstances } from './interactive-prompts/public-instances.js';
import { sessions } from './interactive-prompts/sessions.js';
import { prefixSums } from './interactive-prompts/prefix-sums.js';
import { journeyList } from './journeys/journey-list.js';
import { journeyViews } from './journeys/journey-views.js';
import { oldJourneyLinks } from './journeys/old-journey-links.js';
import { departedPeople } from './people/departed-people.js';
import { sessionsOfPerson } from './people/sessions-of-person.js';

/** Every read model that the engine keeps up to date. */
export const projections: readonly Projection[] = [
  departedPeople,
  sessionsOfPerson,
  eventCounts,
  prefixSums,
  journeyList,
  journeyViews,
  oldJourneyLinks,
  activeUsers,
  eventSearch,
  joinStatistics,
  profilePictures,
  sessions,
  publicInstances,
];
