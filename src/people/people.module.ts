import { Module } from '@nestjs/common';
import { DeparturesHandler } from '../../projections/people/departed-people.js';
import { SessionsOfPersonHandler } from '../../projections/people/sessions-of-person.js';
import { PersonHandler } from './people.bus.js';
import { PeopleHttp } from './people.http.js';

@Module({ controllers: [PeopleHttp], providers: [PersonHandler, DeparturesHandler, SessionsOfPersonHandler] })
export class PeopleModule {}
