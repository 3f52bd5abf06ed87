import { readFile } from 'node:fs/promises';
import { Controller, Get, Header, Inject, Param, Post } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { v4 } from 'uuid';
import { z } from 'zod';
import { Public } from '../platform/auth/access.js';
import { issueUserToken } from '../platform/auth/tokens.js';
import { CONFIG } from '../platform/config/config.js';
import type { ConfigWithSecrets } from '../platform/config/secrets.js';
import { Answers } from '../platform/http/answers.js';
import { Problem } from '../platform/http/problem.js';

/** A browser runs and shows these files and nothing else: no script or style in the page itself, and nothing from elsewhere. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const Script = z.enum(['demo.js', 'api.js', 'answers.js', 'faces.js', 'live.js']);

/** The build copies the folder beside the compiled file, so that this is right for both. */
const pageFile = (name: string): Promise<string> => readFile(new URL(`page/${name}`, import.meta.url), 'utf8');

const everybody = 'it holds nothing but markup; whoever wants to see a prompt needs a token for it';

/**
 * One page on which a person takes part in a prompt and watches the others. It is a client like any other: what it knows it has
 * from the public API.
 */
@ApiExcludeController()
@Controller('demo')
@Public(everybody)
export class DemoHttp {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', policy)
  @Header('referrer-policy', 'no-referrer')
  page(): Promise<string> {
    return pageFile('demo.html');
  }

  @Get('page/demo.css')
  @Header('content-type', 'text/css; charset=utf-8')
  style(): Promise<string> {
    return pageFile('demo.css');
  }

  @Get('page/:name')
  @Header('content-type', 'text/javascript; charset=utf-8')
  script(@Param('name') name: string): Promise<string> {
    const script = Script.safeParse(name);
    if (!script.success) throw new Problem(404, 'not_found', 'The demo has no such file.');
    return pageFile(script.data);
  }
}

const guestSeconds = 3_600;

const Guest = z.object({ token: z.string(), sub: z.string(), name: z.string() });

/**
 * Makes somebody up, so that a person who tries the program on their own machine need not find a token first.
 *
 * It exists only where the secret of people's tokens was made by this program and the program answers this machine alone: there
 * everybody who can ask could sign such a token anyway. Where real people have tokens, a route that gives them away to whoever
 * asks would be a door beside the lock. A guest is a person of no rank, made anew each time, so nobody can ask to be somebody else.
 */
@ApiExcludeController()
@Controller('demo/guests')
export class DemoGuestsHttp {
  constructor(@Inject(CONFIG) private readonly config: ConfigWithSecrets) {}

  @Post()
  @Public('whoever needs it has no token yet')
  @Answers(201, Guest)
  guest(): z.output<typeof Guest> {
    const sub = `guest-${v4()}`;
    const name = 'Guest';
    const token = issueUserToken(this.config.OSEH_ID_TOKEN_SECRET, { sub, givenName: name, lifeSeconds: guestSeconds });
    return { token, sub, name };
  }
}
