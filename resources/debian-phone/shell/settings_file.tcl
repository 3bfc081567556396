# What the user has chosen, kept from one start to the next.
array set choice {hours24 1 text 20 network 1}
set choices_file [file join $env(HOME) .config phone]

catch {
    foreach {name value} [read_file $choices_file] {
        if {[info exists choice($name)]} { set choice($name) $value }
    }
}

proc keep_choices {} {
    catch {
        file mkdir [file dirname $::choices_file]
        set channel [open $::choices_file.new w]
        puts $channel [array get ::choice]
        close $channel
        file rename -force $::choices_file.new $::choices_file
    }
}
