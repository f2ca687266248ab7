//! A plain dump under way: item by item from the splitter to the session.

use super::super::lane::{Stop, server_error};
use super::super::report::{Observer, Report};
use super::PlainOptions;
use super::commands::{Action, Fence};
use super::loads::Loading;
use super::session::Session;
use super::text::Text;
use crate::connect::ConnectParams;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::splitter::{Item, MetaCommand, Piece, Splitter};
use crate::wire::{CopyIn, Lane, ServerError};

/// Executes a script.
pub(super) async fn run(
    text: Text,
    params: ConnectParams,
    options: &PlainOptions,
    observer: &mut dyn Observer,
) -> Result<Report> {
    let mut script = Script {
        name: text.name().to_owned(),
        text,
        splitter: Splitter::new(),
        ended: false,
    };
    let mut session = Session::open(params, options, &script.name, observer).await?;
    script.begin_session(&session);
    let stopped = match execute(&mut script, &mut session, options).await {
        Ok(()) => false,
        Err(Stop::Failure) => true,
        Err(Stop::Error(error)) => return Err(error),
    };
    Ok(Report {
        stopped,
        ..session.close().await
    })
}

async fn execute(script: &mut Script, session: &mut Session<'_>, options: &PlainOptions) -> Result<(), Stop> {
    let mut fence = Fence::default();
    session.begin().await?;
    loop {
        let item = match script.next().await {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => {
                // What came before is executed, and its failures are told first.
                session.drain().await?;
                return Err(error.into());
            }
        };
        match item {
            Item::Statement(piece) => session.statement(piece).await?,
            Item::CopyIn(piece) => copy(script, session, &piece).await?,
            Item::Command(command) => obey(&command, &mut fence, script, session, options).await?,
            // Rows follow a COPY, which has taken them.
            Item::Rows(_) | Item::RowsEnd => {}
        }
    }
    if fence.is_closed() {
        session.drain().await?;
        let line = script.splitter.line();
        let why = "the script ends without the \\unrestrict of its \\restrict: it has been cut off";
        return Err(script.fault(line, why).into());
    }
    session.finish().await
}

async fn obey(
    command: &MetaCommand,
    fence: &mut Fence,
    script: &mut Script,
    session: &mut Session<'_>,
    options: &PlainOptions,
) -> Result<(), Stop> {
    let refused = |why: String| script.fault(command.line, &why);
    let action = match fence.follow(command) {
        Ok(Action::Connect(_) | Action::Reconnect) if options.single_transaction => {
            Err("\\connect cannot be followed in a single transaction".to_string())
        }
        followed => followed,
    };
    let database = match action {
        Ok(Action::Nothing) => return Ok(()),
        Ok(Action::Connect(database)) => Some(database),
        Ok(Action::Reconnect) => None,
        Ok(Action::Encode(encoding)) => {
            script.splitter.set_client_encoding(&encoding);
            let text = format!("SET client_encoding TO '{encoding}';").into();
            let line = command.line;
            return session.statement(Piece { line, text }).await;
        }
        Err(why) => {
            session.drain().await?;
            return Err(refused(why).into());
        }
    };
    match session.reconnect(database).await {
        Err(Stop::Error(error)) => Err(refused(format!("\\connect: {error}")).into()),
        Err(stop) => Err(stop),
        Ok(()) => {
            script.begin_session(session);
            Ok(())
        }
    }
}

/// Streams rows into the COPY that they follow. A refusal ends the sending at once and costs these rows only.
async fn copy(script: &mut Script, session: &mut Session<'_>, piece: &Piece) -> Result<(), Stop> {
    session.drain().await?;
    session.tell(piece);
    session.report.statements += 1;
    let mut loading = Loading::begin(session.progress(), piece);
    match load(&mut session.lane, script, piece, &mut loading.bytes).await? {
        Loaded::Rows(rows) => {
            loading.end(Some(rows));
            session.report.rows += rows;
            Ok(())
        }
        Loaded::Refused(error, rest) => {
            loading.end(None);
            session.failed(piece, &error)?;
            if rest {
                script.pass_rows().await?;
            }
            Ok(())
        }
    }
}

/// How a COPY ended.
enum Loaded {
    Rows(u64),
    /// With an error, and whether there are rows left to pass over.
    Refused(Box<ServerError>, bool),
}

async fn load(lane: &mut Lane, script: &mut Script, piece: &Piece, loaded: &mut u64) -> Result<Loaded> {
    let mut target = match lane.copy_in(&piece.text).await {
        Ok(target) => target,
        Err(error) => return Ok(Loaded::Refused(server_error(error)?, true)),
    };
    loop {
        let sent = match script.next().await {
            Ok(Some(Item::Rows(bytes))) => {
                *loaded += bytes.len() as u64;
                target.send(&bytes).await
            }
            Ok(_) => break,
            Err(error) => return Err(give_up(target, error).await),
        };
        if let Err(error) = sent {
            return Ok(Loaded::Refused(server_error(error)?, true));
        }
    }
    match target.finish().await {
        Ok(rows) => Ok(Loaded::Rows(rows)),
        Err(error) => Ok(Loaded::Refused(server_error(error)?, false)),
    }
}

/// Takes back the rows sent so far: those that should follow cannot be read.
async fn give_up(target: CopyIn<'_>, error: Error) -> Error {
    match target.abort("the script is damaged").await {
        Ok(()) => error,
        Err(broken) => broken,
    }
}

/// The script, item by item.
struct Script {
    name: String,
    text: Text,
    splitter: Splitter,
    ended: bool,
}

impl Script {
    /// What follows is read as a new session's settings want it.
    fn begin_session(&mut self, session: &Session<'_>) {
        let standard = session.lane.parameter("standard_conforming_strings");
        let encoding = session.lane.parameter("client_encoding");
        self.splitter
            .set_session(standard != Some(b"off"), encoding.unwrap_or_default());
    }

    /// The next item; nothing at the end.
    async fn next(&mut self) -> Result<Option<Item>> {
        loop {
            let item = self.splitter.next();
            if let Some(item) = item.map_err(|error| error.context(&self.name))? {
                return Ok(Some(item));
            }
            if self.ended {
                return Ok(None);
            }
            match self.text.next().await? {
                Some(bytes) => self.splitter.push(&bytes),
                None => {
                    self.ended = true;
                    self.splitter.end();
                }
            }
        }
    }

    /// Passes over rows that nobody takes.
    async fn pass_rows(&mut self) -> Result<()> {
        while let Some(Item::Rows(_)) = self.next().await? {}
        Ok(())
    }

    fn fault(&self, line: u64, why: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("{}: line {line}: {why}", self.name),
        )
    }
}
