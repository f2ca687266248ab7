//! The client's side of authentication: cleartext, MD5 and SCRAM-SHA-256 passwords.
//!
//! An [`Exchange`] is fed the body of each Authentication message and writes the answer. SCRAM is done
//! only when the server's signature has been verified. GSSAPI and SSPI are refused by name.

use std::io;

use bytes::{BufMut, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};

use super::frame::{self, Fields, invalid};
use super::startup::Startup;

/// A way to prove who one is, in the names of `require_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// The password itself.
    Password,
    /// MD5 of password, user and salt.
    Md5,
    /// Kerberos through GSSAPI.
    Gss,
    /// Windows' SSPI.
    Sspi,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// The server asks for nothing.
    None,
}

/// Which methods are acceptable, and whether the session must be bound to its TLS channel.
#[derive(Debug, Clone, Default)]
pub struct AuthRules {
    /// `None` allows every method; otherwise only those listed.
    pub allowed: Option<Vec<AuthMethod>>,
    /// The value of `require_auth`, quoted in refusals.
    pub require_auth: String,
    /// `channel_binding`.
    pub channel_binding: Binding,
}

/// Whether a session is bound to its TLS channel, so that nobody in between can pass a log-in on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Binding {
    /// Never.
    Disable,
    /// Where the server offers it.
    #[default]
    Prefer,
    /// No session without it.
    Require,
}

/// What the stream to the server is.
#[derive(Debug, Clone, Default)]
pub enum Channel {
    /// Not encrypted, or not by us.
    #[default]
    Plain,
    /// TLS.
    Tls {
        /// `tls-server-end-point` (RFC 5929); `None` for a certificate for which that is not defined.
        end_point: Option<Vec<u8>>,
    },
}

impl AuthRules {
    fn allows(&self, method: AuthMethod) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&method))
    }
}

/// Why an exchange ended without success.
pub(crate) enum Refusal {
    PasswordNeeded,
    Refused(String),
    Malformed(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Malformed(error)
    }
}

/// One authentication in progress.
pub(crate) struct Exchange<'a> {
    startup: &'a Startup,
    scram: Scram,
    method: Option<AuthMethod>,
}

enum Scram {
    NotStarted,
    Started(ScramSha256),
    ProofSent(ScramSha256),
    Verified,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(startup: &'a Startup) -> Self {
        Exchange {
            startup,
            scram: Scram::NotStarted,
            method: None,
        }
    }

    /// Whether the server asked for the password.
    pub(crate) fn password_used(&self) -> bool {
        self.method.is_some_and(|m| m != AuthMethod::None)
    }

    /// Answers one Authentication message into `out`; true means that the server is satisfied.
    pub(crate) fn answer(&mut self, body: &[u8], out: &mut BytesMut) -> Result<bool, Refusal> {
        let mut fields = Fields::new(body);
        match fields.i32()? {
            0 => {
                self.check_complete()?;
                return Ok(true);
            }
            2 => return Err(Refusal::Refused("Kerberos 5 authentication not supported".into())),
            3 => {
                self.begin(AuthMethod::Password)?;
                let password = self.password()?;
                put_password(out, password)?;
            }
            5 => {
                self.begin(AuthMethod::Md5)?;
                let hash = md5_hash(&self.startup.user, self.password()?, fields.array()?);
                put_password(out, hash.as_bytes())?;
            }
            7 => {
                self.begin(AuthMethod::Gss)?;
                return Err(Refusal::Refused("GSSAPI authentication not supported".into()));
            }
            9 => {
                self.begin(AuthMethod::Sspi)?;
                return Err(Refusal::Refused("SSPI authentication not supported".into()));
            }
            10 => self.begin_scram(fields, out)?,
            11 => self.continue_scram(fields.rest(), out)?,
            12 => self.finish_scram(fields.rest())?,
            other => {
                return Err(Refusal::Refused(format!(
                    "authentication method {other} not supported"
                )));
            }
        }
        Ok(false)
    }

    /// Notes the method the server chose and checks that it is acceptable.
    fn begin(&mut self, method: AuthMethod) -> Result<(), Refusal> {
        let rules = &self.startup.rules;
        if rules.channel_binding == Binding::Require && method != AuthMethod::ScramSha256 {
            return Err(Refusal::Refused(
                "channel binding required but not supported by server's authentication request".into(),
            ));
        }
        if !rules.allows(method) {
            return Err(self.unacceptable(match method {
                AuthMethod::Password => "server requested a cleartext password",
                AuthMethod::Md5 => "server requested a hashed password",
                AuthMethod::Gss => "server requested GSSAPI authentication",
                AuthMethod::Sspi => "server requested SSPI authentication",
                AuthMethod::ScramSha256 => "server requested SASL authentication",
                AuthMethod::None => "server did not complete authentication",
            }));
        }
        self.method = Some(method);
        Ok(())
    }

    fn unacceptable(&self, reason: &str) -> Refusal {
        Refusal::Refused(format!(
            "authentication method requirement \"{}\" failed: {reason}",
            self.startup.rules.require_auth
        ))
    }

    fn password(&self) -> Result<&[u8], Refusal> {
        match self.startup.password.as_deref() {
            Some(password) if !password.is_empty() => Ok(password),
            _ => Err(Refusal::PasswordNeeded),
        }
    }

    /// AuthenticationOk counts only after whatever was begun has been completed.
    fn check_complete(&self) -> Result<(), Refusal> {
        let rules = &self.startup.rules;
        match (&self.scram, self.method) {
            (Scram::Started(_) | Scram::ProofSent(_), _) => Err(self.incomplete()),
            (_, None) if rules.channel_binding == Binding::Require => Err(Refusal::Refused(
                "channel binding required, but server authenticated client without channel binding".into(),
            )),
            (_, None) if !rules.allows(AuthMethod::None) => {
                Err(self.unacceptable("server did not complete authentication"))
            }
            _ => Ok(()),
        }
    }

    fn incomplete(&self) -> Refusal {
        Refusal::Refused("server did not prove that it knows the password".into())
    }

    fn begin_scram(&mut self, mut fields: Fields<'_>, out: &mut BytesMut) -> Result<(), Refusal> {
        if !matches!(self.scram, Scram::NotStarted) {
            return Err(invalid("duplicate SASL authentication request").into());
        }
        let (mut plain, mut plus) = (false, false);
        loop {
            match fields.cstr()? {
                b"" => break,
                name => {
                    plain |= name == SCRAM_SHA_256.as_bytes();
                    plus |= name == SCRAM_SHA_256_PLUS.as_bytes();
                }
            }
        }
        let (mechanism, binding) = self.mechanism(plain, plus)?;
        self.begin(AuthMethod::ScramSha256)?;
        let scram = ScramSha256::new(self.password()?, binding);
        frame::put(out, Some(b'p'), |out| {
            out.put_slice(mechanism.as_bytes());
            out.put_u8(0);
            out.put_i32(scram.message().len() as i32);
            out.put_slice(scram.message());
        })?;
        self.scram = Scram::Started(scram);
        Ok(())
    }

    /// Chooses between what the server offers.
    fn mechanism(&self, plain: bool, plus: bool) -> Result<(&'static str, ChannelBinding), Refusal> {
        let wanted = self.startup.rules.channel_binding;
        let refuse = |why: &str| Err(Refusal::Refused(why.into()));
        match &self.startup.channel {
            Channel::Plain if wanted == Binding::Require => {
                return refuse("channel binding required, but SSL not in use");
            }
            Channel::Plain if plus => {
                return refuse("server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection");
            }
            Channel::Tls { end_point } if plus && wanted != Binding::Disable => match end_point {
                Some(end_point) => {
                    let binding = ChannelBinding::tls_server_end_point(end_point.clone());
                    return Ok((SCRAM_SHA_256_PLUS, binding));
                }
                None if wanted == Binding::Require => {
                    return refuse(
                        "channel binding is not defined for the signature algorithm of the server's certificate",
                    );
                }
                None => {}
            },
            _ => {}
        }
        if wanted == Binding::Require {
            return refuse(
                "channel binding is required, but server did not offer an authentication method that supports channel binding",
            );
        }
        match (plain, &self.startup.channel) {
            (false, _) => refuse("none of the server's SASL authentication mechanisms are supported"),
            // Tells a server that does offer it that somebody in between has hidden the offer.
            (true, Channel::Tls { end_point: Some(_) }) if wanted == Binding::Prefer => {
                Ok((SCRAM_SHA_256, ChannelBinding::unrequested()))
            }
            (true, _) => Ok((SCRAM_SHA_256, ChannelBinding::unsupported())),
        }
    }

    fn continue_scram(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), Refusal> {
        let Scram::Started(mut scram) = std::mem::replace(&mut self.scram, Scram::NotStarted) else {
            return Err(invalid("unexpected SASL message").into());
        };
        scram.update(data).map_err(scram_failed)?;
        frame::put(out, Some(b'p'), |out| out.put_slice(scram.message()))?;
        self.scram = Scram::ProofSent(scram);
        Ok(())
    }

    fn finish_scram(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let Scram::ProofSent(mut scram) = std::mem::replace(&mut self.scram, Scram::NotStarted) else {
            return Err(invalid("unexpected SASL message").into());
        };
        scram.finish(data).map_err(scram_failed)?;
        self.scram = Scram::Verified;
        Ok(())
    }
}

fn scram_failed(error: io::Error) -> Refusal {
    Refusal::Refused(format!("SCRAM authentication failed: {error}"))
}

fn put_password(out: &mut BytesMut, password: &[u8]) -> Result<(), Refusal> {
    if password.contains(&0) {
        return Err(Refusal::Refused("the password contains a zero byte".into()));
    }
    frame::put(out, Some(b'p'), |out| {
        out.put_slice(password);
        out.put_u8(0);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup(password: &str) -> Startup {
        Startup {
            user: b"md5_user".to_vec(),
            password: Some(password.as_bytes().to_vec()),
            ..Startup::default()
        }
    }

    fn answer(startup: &Startup, body: &[u8]) -> Result<BytesMut, String> {
        let mut out = BytesMut::new();
        match Exchange::new(startup).answer(body, &mut out) {
            Ok(_) => Ok(out),
            Err(Refusal::PasswordNeeded) => Err("needed".into()),
            Err(Refusal::Refused(text)) => Err(text),
            Err(Refusal::Malformed(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn md5_is_the_servers_formula() {
        let out = answer(&startup("password"), b"\0\0\0\x05\x2a\x3d\x8f\xe0").unwrap();
        assert_eq!(&out[5..], b"md562af4dd09bbb41884907a838a3233294\0");
    }

    #[test]
    fn an_empty_password_counts_as_none() {
        assert_eq!(answer(&startup(""), b"\0\0\0\x03").unwrap_err(), "needed");
    }

    #[test]
    fn a_method_that_is_not_allowed_gets_no_password() {
        let mut startup = startup("secret");
        startup.rules.allowed = Some(vec![AuthMethod::ScramSha256]);
        startup.rules.require_auth = "scram-sha-256".into();
        assert_eq!(
            answer(&startup, b"\0\0\0\x03").unwrap_err(),
            "authentication method requirement \"scram-sha-256\" failed: server requested a cleartext password"
        );
        assert!(
            answer(&startup, b"\0\0\0\0")
                .unwrap_err()
                .contains("did not complete")
        );
    }

    #[test]
    fn ok_before_the_server_proved_itself_is_refused() {
        let startup = startup("secret");
        let mut exchange = Exchange::new(&startup);
        let mut out = BytesMut::new();
        assert!(exchange.answer(b"\0\0\0\x0aSCRAM-SHA-256\0\0", &mut out).is_ok());
        assert!(exchange.answer(b"\0\0\0\0", &mut out).is_err());
    }

    #[test]
    fn an_unknown_mechanism_is_refused() {
        assert!(
            answer(&startup("x"), b"\0\0\0\x0aOAUTHBEARER\0\0")
                .unwrap_err()
                .contains("none of")
        );
    }
}
