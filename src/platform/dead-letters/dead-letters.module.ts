import { Module } from '@nestjs/common';
import { DeadLetterOffice } from './dead-letter-office.js';
import { DeadLettersHttp } from './dead-letters.http.js';

@Module({ controllers: [DeadLettersHttp], providers: [DeadLetterOffice] })
export class DeadLettersModule {}
