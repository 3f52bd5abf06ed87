import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { z } from 'zod';
import { unixSeconds } from '../kernel/instant.js';
import { CommandRefused } from '../platform/deciding/refusals.js';
import { PublicPromptCommand } from './interactive-prompts.bus.js';
import { PromptContent } from './prompt-content.js';
import { PublicIdentifier, PublicVersion } from './public-prompt.js';

/** The public prompts that clients of this product ask for by name. Whoever changes one here raises its version. */
const Shipped = z.array(
  z.object({ identifier: PublicIdentifier, version: PublicVersion, content: PromptContent }).readonly(),
);

export const shippedPublicPrompts = Shipped.parse([
  {
    identifier: 'onboarding-prompt-feeling',
    version: 1,
    content: { style: 'word', text: 'What would do you good today?', options: ['Relax', 'Destress', 'Connect'] },
  },
  {
    identifier: 'onboarding-prompt-feeling-result',
    version: 1,
    content: {
      style: 'word',
      text: 'How are you after your first class?',
      options: ['Calmer', 'About the same', 'Full of energy'],
    },
  },
  {
    identifier: 'notification-time',
    version: 1,
    content: {
      style: 'word',
      text: 'When’s a good moment to remind you?',
      options: ['Morning', 'Afternoon', 'Evening'],
    },
  },
]);

const durationSeconds = 60;
const expiresSeconds = 28 * 86_400;

/**
 * Defines them when the program starts, so that a fresh environment works. What is there already stays as it is: a program of
 * an earlier release that starts later changes nothing, nor do settings here override newer ones that an administrator made.
 */
@Injectable()
export class ShippedPublicPrompts implements OnApplicationBootstrap {
  constructor(private readonly commands: CommandBus) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const { identifier, version, content } of shippedPublicPrompts) {
      const settings = { identifier, version, content, durationSeconds, expiresSeconds };
      const wish = { type: 'DefinePublicPrompt', ...settings, at: unixSeconds(new Date()) } as const;
      const commandId = `shipped public prompt ${identifier} ${String(version)}`;
      const cause = { correlationId: 'program start', commandId, fingerprint: commandId };
      await this.commands.execute(new PublicPromptCommand(identifier, wish, cause)).catch(unlessNewer);
    }
  }
}

function unlessNewer(error: unknown): void {
  if (!(error instanceof CommandRefused && error.reason === 'version_too_low')) throw error;
}
