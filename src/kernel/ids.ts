import { z } from 'zod';
import { isStorableText } from './text.js';

/**
 * Branded identifiers. They are parsed once, at the edge; inside, two kinds of id cannot be mixed up by accident.
 *
 * The format is `oseh_<prefix>_<22 url-safe base64 characters>`: sixteen bytes, as in the data that existing clients hold.
 */
const uid = (prefix: string) =>
  z
    .string()
    .regex(
      new RegExp(`^oseh_${prefix}_[A-Za-z0-9_-]{22}$`),
      `must look like oseh_${prefix}_ and 22 url-safe characters`,
    );

export const PromptUid = uid('ip').brand<'PromptUid'>();
export type PromptUid = z.infer<typeof PromptUid>;

export const PromptSessionUid = uid('ips').brand<'PromptSessionUid'>();
export type PromptSessionUid = z.infer<typeof PromptSessionUid>;

export const PromptEventUid = uid('ipe').brand<'PromptEventUid'>();
export type PromptEventUid = z.infer<typeof PromptEventUid>;

/** One instance of a public prompt, for the record. */
export const PublicRecordUid = uid('pip').brand<'PublicRecordUid'>();
export type PublicRecordUid = z.infer<typeof PublicRecordUid>;

export const JourneyUid = uid('j').brand<'JourneyUid'>();
export type JourneyUid = z.infer<typeof JourneyUid>;

/** A prompt that a journey no longer asks. */
export const JourneyLinkUid = uid('ipoj').brand<'JourneyLinkUid'>();
export type JourneyLinkUid = z.infer<typeof JourneyLinkUid>;

export const ImageUid = uid('if').brand<'ImageUid'>();
export type ImageUid = z.infer<typeof ImageUid>;

/** Who somebody is, as their identity provider says it: opaque, short, never shown to be anything else. */
export const UserSub = z.string().max(255).regex(/^\S+$/).refine(isStorableText).brand<'UserSub'>();
export type UserSub = z.infer<typeof UserSub>;
